setInterval(async () => {
  if (document.hidden) return;
  const reply = await fetch(location.href).catch(() => null);
  if (!reply || !reply.ok) return;
  const fresh = new DOMParser().parseFromString(await reply.text(), "text/html");
  for (const part of ["aside", "header", "#messages"]) {
    const now = document.querySelector(part), next = fresh.querySelector(part);
    if (now.innerHTML !== next.innerHTML) now.replaceWith(next);
  }
}, 2000);
