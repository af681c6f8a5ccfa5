FROM python:3.11-slim
WORKDIR /app
RUN apt-get update && apt-get install -y --no-install-recommends npm && rm -rf /var/lib/apt/lists/*
COPY requirements.txt requirements-node.txt package.json package-lock.json ./
RUN pip install --no-cache-dir --require-hashes -r requirements.txt
COPY . .
RUN sh bin/install-assets python \
    && DATABASE_URL=postgresql://build@localhost/build SECRET_KEY=build ENCRYPTION_KEYS=build DATA_DIR=/srv/crewsite \
       python manage.py collectstatic --no-input --verbosity 0 \
    && useradd --system crewsite && chown -R crewsite /srv/crewsite
USER crewsite
ENV DATA_DIR=/srv/crewsite HOST=0.0.0.0
EXPOSE 8000
CMD ["python", "-m", "crewsite.serving"]
