// The administrators' lists: the form that narrows them down, and one check box for all of the page.
const filter = document.querySelector("[data-list-filter]");
if (!CSS.supports("selector(::details-content)") && matchMedia("(min-width: 48rem)").matches) {
  filter.open = true;
}

const form = document.querySelector("[data-selection]");
const label = form?.querySelector("[data-select-all]");
const all = label?.querySelector("input");

function boxes() {
  return [...form.querySelectorAll('input[name="session"]')];
}

function showState() {
  const checked = boxes().filter((box) => box.checked).length;
  all.checked = checked === boxes().length;
  all.indeterminate = checked > 0 && !all.checked;
  form.toggleAttribute("data-none-chosen", checked === 0);
}

if (all) {
  label.hidden = false;
  all.addEventListener("change", () => {
    for (const box of boxes()) box.checked = all.checked;
  });
  form.addEventListener("change", showState);
  // Also for what the browser has kept when somebody comes back to the page.
  window.addEventListener("pageshow", showState);
}
