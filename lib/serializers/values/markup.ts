/** HTML that is safe to insert into a page as it is. Python reads it as `markupsafe.Markup`. */
export class Markup {
  /** The HTML text. */
  readonly html: string;

  /** @param html the HTML text; nothing in it is escaped. */
  constructor(html: string) {
    this.html = html;
  }

  /** The HTML text. */
  toString(): string {
    return this.html;
  }

  /** The HTML text, so that a response in plain JSON shows a string. */
  toJSON(): string {
    return this.html;
  }
}
