// Sends the form at once; without scripts there is its button.
document.querySelector("[data-send-again]").submit();
