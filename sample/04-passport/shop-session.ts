/** What this application keeps in a session, beside what Passport keeps there. */
export interface ShopSession {
  books: number;
  returnTo: string;
  /** For the next page that is shown. */
  message: string;
}
