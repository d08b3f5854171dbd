/** Who else reads the text: nobody, so that nothing is lost (`native`), or Quart-Session and Flask (`quart`). */
export type Dialect = 'native' | 'quart';

/** How a `Date` is written; both forms are read in either dialect. `http` has whole seconds only. */
export type DateForm = 'iso' | 'http';
