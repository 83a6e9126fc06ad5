// Airflow keeps the theme that its toggle sets in localStorage, which its pages and ours share.
(() => {
  const apply = () => {
    let chosen = null;
    try {
      chosen = localStorage.getItem("theme");
    } catch {
      // Storage is blocked: the system's theme it is.
    }
    if (chosen === "light" || chosen === "dark") {
      document.documentElement.dataset.theme = chosen;
    } else {
      delete document.documentElement.dataset.theme;
    }
  };
  apply();
  addEventListener("storage", (event) => {
    if (event.key === "theme" || event.key === null) apply();
  });
})();
