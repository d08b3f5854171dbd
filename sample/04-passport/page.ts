/** A page of the shop or of the provider. Its parts are texts of this sample, and nothing that a visitor has written. */
export function page(title: string, body: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <meta name="color-scheme" content="light dark" />
    <title>${title}</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="/public/style.css" />
  </head>
  <body>
    <main>
      <h1>${title}</h1>
      ${body}
    </main>
  </body>
</html>`;
}

export function link(href: string, label: string): string {
  return `<a class="button" href="${href}">${label}</a>`;
}

/** A form of one button: what it does changes something, so that a link will not do. */
export function button(action: string, label: string): string {
  return `<form method="post" action="${action}"><button class="button">${label}</button></form>`;
}
