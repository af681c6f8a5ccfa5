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
