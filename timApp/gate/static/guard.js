// Covers a page that timApp guards while its login is blocked, and holds back what is sent meanwhile.
(() => {
  const base = document.currentScript.src.replace(/guard\.js.*/, "");
  const real = window.fetch;
  let user, cover, passed, due;

  // Covers or uncovers the page; says whether it may be used.
  const look = async () => {
    try {
      const answer = await real(`${base}user/sessions/state`, { cache: "no-store" });
      const { standing, username } = await answer.json();
      const isValid = standing === "valid";
      if (isValid) user ??= username;
      if (isValid && username !== user) location.reload();
      if (standing) show(isValid);
    } catch {}
    clearTimeout(due);
    due = setTimeout(look, 900 + 400 * Math.random());
    return !cover;
  };
  const show = (isValid) => {
    document.body.inert = !isValid;
    if (isValid) cover = cover?.remove();
    if (isValid || cover) return;
    cover = document.createElement("iframe");
    cover.src = `${base}gate/blocked?to=${encodeURIComponent(location)}`;
    cover.style.cssText =
      "position:fixed;inset:0;width:100%;height:100%;border:0;background:#fff;z-index:2147483647";
    document.documentElement.append(cover);
  };
  const pass = async () => {
    while (!(await look())) await new Promise((again) => setTimeout(again, 500));
  };

  window.fetch = async (...asked) => {
    const request = new Request(...asked);
    for (;;) {
      const answer = await real(request.clone());
      if (!answer.headers.has("Timapp-Refused")) return answer;
      await pass();
    }
  };
  const submit = async (event) => {
    if (passed === event.target) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    await pass();
    passed = event.target;
    passed.requestSubmit(event.submitter);
    passed = null;
  };
  addEventListener("submit", submit, true);
  addEventListener("visibilitychange", look);
  look();
})();
