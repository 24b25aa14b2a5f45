// The login form: shows the password to whoever wants to see what they typed, and leads on to where in
// a page they wanted to go.
const button = document.querySelector("[data-show-password]");
const field = document.querySelector("#password");

button.hidden = false;
button.addEventListener("click", () => {
  const isShown = field.type === "text";
  field.type = isShown ? "password" : "text";
  button.setAttribute("aria-pressed", String(!isShown));
  field.focus();
});
// What comes behind a "#" is not sent. Browsers keep it for where the answer leads.
field.form.action += location.hash;
// So that no password is remembered as a text that was typed.
field.form.addEventListener("submit", () => {
  field.type = "password";
});
