/** HTML that is safe to be put into a page as it is. Python reads it as `markupsafe.Markup`. */
export class Markup {
  /** The HTML text. */
  readonly html: string;

  /** @param html - The HTML text; it is taken as it is, nothing is escaped. */
  constructor(html: string) {
    this.html = html;
  }

  /** The HTML text. */
  toString(): string {
    return this.html;
  }

  /** The HTML text, so that an answer in plain JSON shows a string. */
  toJSON(): string {
    return this.html;
  }
}
