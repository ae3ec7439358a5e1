// Shows the nodes as they are now, each second. Without it the page is as it
// was when it was loaded.
setInterval(async () => {
  if (document.hidden) return;
  try {
    const answer = await fetch("/nodes/", {headers: {Accept: "text/html"}});
    if (!answer.ok) return;
    const now = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector("main");
    const main = document.querySelector("main");
    if (!now || now.innerHTML === main.innerHTML) return;
    const pressed = document.activeElement?.closest("form")?.getAttribute("action");
    main.replaceWith(now);
    if (pressed) now.querySelector(`form[action="${pressed}"] button`)?.focus();
  } catch { } // the demonstration has ended, or is busy
}, 1000);
