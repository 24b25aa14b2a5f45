// Bootstrap takes its colours from data-bs-theme; this lets the system's preference decide. It
// runs before the page is drawn, so nothing flashes. Without it, pages are light.
"use strict";
(() => {
  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    document.documentElement.dataset.bsTheme = prefersDark.matches ? "dark" : "light";
  };
  prefersDark.addEventListener("change", apply);
  apply();
})();
