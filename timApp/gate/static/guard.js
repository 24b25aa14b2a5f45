// Covers a page that timApp guards while its login is blocked; what it sends meanwhile waits.
(() => {
  const base = document.currentScript.src.replace(/guard\.js.*/, "");
  const ask = window.fetch;
  let user, cover, passed, due;

  // Covers or uncovers the page; says whether it may be used.
  const look = async () => {
    try {
      const answer = await ask(`${base}user/sessions/state`, { cache: "no-store" });
      const { standing, username } = await answer.json();
      const isValid = standing === "valid";
      if (isValid && username !== (user ??= username)) location.reload();
      if (standing) document.body.inert = !isValid;
      if (isValid) cover = cover?.remove();
      else if (standing && !cover) {
        cover = document.createElement("iframe");
        cover.src = `${base}gate/blocked?to=${encodeURIComponent(location)}`;
        cover.style.cssText =
          "position:fixed;inset:0;width:100%;height:100%;border:0;background:#fff;z-index:2147483647";
        document.documentElement.append(cover);
      }
    } catch {}
    clearTimeout(due);
    due = setTimeout(look, 900 + 400 * Math.random());
    return !cover;
  };
  const pass = async () => {
    while (!(await look())) await new Promise((again) => setTimeout(again, 500));
  };

  window.fetch = async (...asked) => {
    const request = new Request(...asked);
    for (;;) {
      const answer = await ask(request.clone());
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
