// Folders of a project, chosen or dropped: leaves at home what no crew needs, and sends each file's path beside it,
// since browsers send names alone.

const named = (form, name) => form.dataset[name].split(" ");

// Whether a crew may need the file of this path. The server looks at it again.
function wanted(form, path) {
  const parts = path.split("/");
  const file = parts.pop();
  const ending = file.includes(".") ? file.split(".").pop().toLowerCase() : "";
  return named(form, "endings").includes(ending) && !parts.some((part) => named(form, "folders").includes(part));
}

// Takes the place of whatever was chosen before. Pairs of a path and a File.
function take(form, found) {
  const kept = found.filter(([path]) => wanted(form, path));
  const bytes = kept.reduce((sum, [, file]) => sum + file.size, 0);
  const said = form.querySelector("[data-said]");
  const input = form.elements.uploads;
  for (const old of form.querySelectorAll("input[name=paths]")) old.remove();
  const most = Number(form.dataset.maxFiles);
  if (!kept.length || kept.length > most || bytes > Number(form.dataset.maxBytes)) {
    input.value = "";
    said.textContent = kept.length
      ? `Nothing was chosen: ${kept.length} sources of ${(bytes / 1e6).toFixed(1)} MB are more than is read at once. Choose a part.`
      : "There is no Python, YAML or JSON in it.";
    return;
  }
  const files = new DataTransfer();
  for (const [path, file] of kept) {
    files.items.add(file);
    const field = document.createElement("input");
    field.type = "hidden";
    field.name = "paths";
    field.value = path;
    form.append(field);
  }
  input.files = files.files;
  const left = found.length - kept.length;
  said.textContent = `${kept.length} file${kept.length > 1 ? "s" : ""} chosen${left ? `; ${left} that no crew needs stay here` : ""}.`;
}

// All files below an entry of what was dropped, in the order of their names.
async function below(entry, form, found) {
  if (entry.isFile) {
    found.push([entry.fullPath.slice(1), await new Promise((done, failed) => entry.file(done, failed))]);
    return;
  }
  if (named(form, "folders").includes(entry.name) || found.length > 20000) return;
  const reader = entry.createReader();
  const entries = [];
  for (;;) {
    const some = await new Promise((done, failed) => reader.readEntries(done, failed));
    if (!some.length) break;
    entries.push(...some);
  }
  for (const inner of entries.sort((a, b) => (a.name < b.name ? -1 : 1))) await below(inner, form, found);
}

for (const form of document.querySelectorAll("form[data-project]")) {
  form.querySelector("[data-needs-script]").hidden = false;
  form.querySelector("[data-folder]").addEventListener("change", (event) => {
    take(form, [...event.target.files].map((file) => [file.webkitRelativePath || file.name, file]));
  });
  form.elements.uploads.addEventListener("change", () => {
    for (const old of form.querySelectorAll("input[name=paths]")) old.remove();
    form.querySelector("[data-said]").textContent = "";
  });
  form.addEventListener("dragover", (event) => {
    if (event.dataTransfer.types.includes("Files")) event.preventDefault();
  });
  form.addEventListener("drop", async (event) => {
    if (!event.dataTransfer.types.includes("Files")) return;
    event.preventDefault();
    const items = [...event.dataTransfer.items].filter((item) => item.kind === "file")
      .map((item) => [item.webkitGetAsEntry?.(), item.getAsFile()]); // at once: later they are gone
    const found = [];
    try {
      for (const [entry, file] of items) {
        if (entry) await below(entry, form, found);
        else if (file) found.push([file.name, file]);
      }
      take(form, found);
    } catch (error) {
      form.querySelector("[data-said]").textContent = `The files could not be read: ${error.message}`;
    }
  });
}
