/**
 * How often the driver has sent a write. It sends one again by itself, and then tells how the last attempt has ended alone: a server that
 * refuses it says nothing of the first, which another may have carried out.
 */
export class MongoAttempts {
  #count = 0;

  /** Whether there was an attempt before the last one. */
  get areSeveral(): boolean {
    return this.#count > 1;
  }

  /**
   * The filter of the next write, which counts its attempts. The driver calls `toBSON` whenever it writes a command to a connection, see
   * https://github.com/mongodb/js-bson#how-do-i-add-custom-serialization-logic. Its events are no count: a client of yours has none of
   * commands unless `monitorCommands` is set, and those of servers miss what a mongos labels as worth a second attempt.
   */
  counting(filter: object): object {
    this.#count = 0;
    const value = (): object => {
      this.#count++;
      return filter;
    };
    return Object.defineProperty({ ...filter }, 'toBSON', { value });
  }
}
