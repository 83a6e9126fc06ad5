// Keys, links out of Airflow's frame, and filters that need no button. Every page works without it.
(() => {
  const rows = [...document.querySelectorAll("[data-row]")];
  let current = -1;

  const move = (to) => {
    if (!rows.length) return;
    rows[current]?.classList.remove("current");
    current = Math.max(0, Math.min(rows.length - 1, to));
    rows[current].classList.add("current");
    rows[current].scrollIntoView({ block: "nearest" });
    rows[current].querySelector("[data-open]")?.focus({ preventScroll: true });
  };

  const keys = {
    "/": () => {
      const search = document.querySelector("input[type=search]");
      search?.focus();
      search?.select();
      return Boolean(search);
    },
    j: () => move(current + 1),
    k: () => move(current - 1),
    Enter: () => {
      // A focused link opens itself.
      if (document.activeElement !== document.body) return false;
      rows[current]?.querySelector("[data-open]")?.click();
    },
  };

  addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea")) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    if (Object.hasOwn(keys, event.key) && keys[event.key]() !== false) event.preventDefault();
  });

  // Airflow's frame may neither open windows nor leave itself, so the page around it follows the link.
  addEventListener("click", (event) => {
    const link = event.target.closest("a[data-outside]");
    if (!link) return;
    const framed = window.top !== window;
    if (!framed && link.dataset.outside !== "new") return;
    event.preventDefault();
    const page = framed ? window.top.document : document;
    const outside = page.createElement("a");
    outside.href = link.href;
    if (link.dataset.outside === "new" || event.ctrlKey || event.metaKey) {
      outside.target = "_blank";
      outside.rel = "noreferrer";
    }
    page.body.append(outside);
    outside.click();
    outside.remove();
  });

  // Back to the list as it was searched and sorted.
  const back = document.querySelector("a[data-back]");
  if (back && document.referrer && new URL(document.referrer).pathname === new URL(back.href).pathname) {
    back.href = document.referrer;
  }

  // What is live is asked for anew by the server's own hand, as long as somebody looks.
  for (const live of document.querySelectorAll("[data-live]")) {
    const refresh = async () => {
      if (document.hidden) return;
      try {
        const answer = await fetch(live.dataset.live, { redirect: "error" });
        if (!answer.ok) throw new Error(answer.statusText);
        live.innerHTML = await answer.text();
        live.classList.remove("stale");
      } catch {
        live.classList.add("stale");
      }
    };
    setInterval(refresh, 1000 * live.dataset.seconds);
    document.addEventListener("visibilitychange", refresh);
  }

  for (const field of document.querySelectorAll("[data-submits]")) {
    field.addEventListener("change", () => field.form.requestSubmit());
  }

  // One click, one request; a page that comes back from the browser's memory starts anew.
  addEventListener("submit", (event) => {
    for (const button of event.target.querySelectorAll("button")) button.disabled = true;
  });
  addEventListener("pageshow", (event) => {
    if (event.persisted) location.reload();
  });
})();
