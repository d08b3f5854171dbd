import { Injectable } from '@nestjs/common';
import { filter, map, Subject, type Observable } from 'rxjs';

/** Tells the pages that are open in this process whose list of sessions has changed. */
@Injectable()
export class UserChanges {
  readonly #changed = new Subject<string>();

  tell(user: string): void {
    this.#changed.next(user);
  }

  /** @param isShown whether a page shows the sessions of this user. */
  of(isShown: (user: string) => boolean): Observable<void> {
    return this.#changed.pipe(
      filter(isShown),
      map(() => undefined),
    );
  }
}
