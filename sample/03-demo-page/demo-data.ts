import type { CartLine } from './cart.controller.js';
import type { Slot } from './parallel.controller.js';

/** What this application keeps in a session. Any key may be missing: a new session is empty. */
export type DemoData = {
  user: { name: string };
  cart: CartLine[];
  visits: number;
  firstVisit: Date;
  counter: number;
} & Record<Slot, true>;
