// The login form: shows the password to whoever wants to see what they typed.
const button = document.querySelector("[data-show-password]");
const field = document.querySelector("#password");

button.hidden = false;
button.addEventListener("click", () => {
  const isShown = field.type === "text";
  field.type = isShown ? "password" : "text";
  button.setAttribute("aria-pressed", String(!isShown));
  field.focus();
});
// So that no password is remembered as a text that was typed.
field.form.addEventListener("submit", () => {
  field.type = "password";
});
