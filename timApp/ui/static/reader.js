// What has to be known before a page is drawn, or asked for: the reader's colours and time zone.
"use strict";
(() => {
  // Bootstrap takes its colours from data-bs-theme; the system's preference decides. Without this
  // script, pages are light.
  const prefersDark = window.matchMedia("(prefers-color-scheme: dark)");
  const apply = () => {
    document.documentElement.dataset.bsTheme = prefersDark.matches ? "dark" : "light";
  };
  prefersDark.addEventListener("change", apply);
  apply();

  // The server writes times in this zone.
  const timeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  if (timeZone) document.cookie = `timezone=${timeZone}; path=/; max-age=31536000; samesite=lax`;
})();
