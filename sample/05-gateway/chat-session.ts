/** What the chat keeps in a session; any key may be missing. */
export interface ChatSession {
  user: string;
  /** How many messages the user has sent since the login. */
  said: number;
}
