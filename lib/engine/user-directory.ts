import type { UserAdmission } from './user-admission.js';
import type { UserIndex } from './user-index.js';

/** The lists of the users' sessions, and who lets sessions into them. */
export interface UserDirectory {
  readonly index: UserIndex;
  readonly admission: UserAdmission;
}
