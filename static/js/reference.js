// What Swagger UI leaves out for who does not see its page: a name for the body that is typed, and a way into wide examples.
(() => {
  const complete = () => {
    for (const body of document.querySelectorAll("textarea.body-param__text:not([aria-label])")) {
      body.setAttribute("aria-label", "Request body");
    }
    for (const example of document.querySelectorAll("pre.microlight:not([tabindex])")) example.tabIndex = 0;
  };
  new MutationObserver(complete).observe(document.getElementById("swagger-ui"), { childList: true, subtree: true });
})();

// What is read without a token is read by the session, in the team that is chosen. Whatever changes something needs a token.
(() => {
  const team = document.getElementById("reads-in");
  if (!team) return;
  const draw = window.SwaggerUIBundle;
  const withTeam = (request) => {
    const headers = request.headers;
    const reads = (request.method || "GET").toUpperCase() === "GET" && !request.loadSpec;
    if (reads && team.value && !headers.Authorization) headers["X-Crewsite-Team"] = team.value;
    return request;
  };
  const drawn = (settings) => draw({ ...settings, requestInterceptor: withTeam });
  window.SwaggerUIBundle = Object.assign(drawn, draw);
})();
