/**
 * The commands that `RedisStore` sends, whichever driver carries them. Each promise rejects with the driver's error when Redis refuses
 * the command, or when the driver gives it up.
 */
export interface RedisCommands {
  get(key: string): Promise<string | null>;
  /** @param seconds the lifetime; for ever, if it is undefined. */
  set(key: string, value: string, seconds: number | undefined): Promise<unknown>;
  /** Stores the value if the key is free; `null` if it is not. */
  create(key: string, value: string, seconds: number): Promise<unknown>;
  del(key: string): Promise<number>;
  evalsha(sha1: string, key: string, args: readonly string[]): Promise<unknown>;
  eval(script: string, key: string, args: readonly string[]): Promise<unknown>;

  /**
   * Grows when a connection breaks whose commands the driver may send again: an answer that comes afterwards may be that of the second
   * attempt. Stays where the driver sends nothing twice.
   */
  readonly breaks: number;
  /**
   * Whether a command failed because its connection broke, so that it is not known whether it was carried out.
   * @param breaks what {@link breaks} was when the command was sent.
   */
  hasBroken(error: unknown, breaks: number): boolean;
  /** A replica has refused a write. Has the driver connect anew, where it does not do so itself: the master is another one by now. */
  leaveReplica(): void;
  /** Leaves the client as it was. No command comes after this. */
  stop(): void;
}
