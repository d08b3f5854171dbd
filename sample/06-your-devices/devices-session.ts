/** What the application keeps in a session; any key may be missing. */
export interface DevicesSession {
  /** The id of the account. What it may do is looked up on each request, so that no session holds a right that was taken away. */
  user: string;
}
