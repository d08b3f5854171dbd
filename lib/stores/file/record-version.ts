import { randomBytes } from 'node:crypto';

const NAME = /^(\d{1,15})-[0-9a-f]{32}-(\d{1,16}|never|gone)$/;

/** Milliseconds since 1970; further away than any date. */
const NEVER = 1e16;

/**
 * One version of a record, by the name that its directory and its file have: which one it is in order, 128 random bits, so that no
 * name ever comes again, and when it expires. A version that is `gone` stands where a record was deleted, and has no file.
 */
export class RecordVersion {
  readonly name: string;
  /** The first version of a record has 1. */
  readonly number: number;
  /** Milliseconds since 1970; `Infinity` for a version that stays, 0 for one that is gone. */
  readonly until: number;

  private constructor(name: string, number: number, until: number) {
    this.name = name;
    this.number = number;
    this.until = until;
  }

  /** The version with this name, or `undefined` when it is not a version's. */
  static parse(name: string): RecordVersion | undefined {
    const [, number, until] = NAME.exec(name) ?? [];
    if (number === undefined || until === undefined) return undefined;
    return new RecordVersion(name, Number(number), untilOf(until));
  }

  /** The first version of a new record. */
  static first(until: number): RecordVersion {
    return versionOf(1, until);
  }

  /** A version to follow this one. */
  next(until: number): RecordVersion {
    return versionOf(this.number + 1, until);
  }

  /** A version to follow this one that says that the record is gone. */
  gone(): RecordVersion {
    return this.next(0);
  }

  get isGone(): boolean {
    return this.until === 0;
  }

  /** Whether there is a record: it has neither expired nor gone. */
  isAlive(): boolean {
    return this.until > Date.now();
  }

  /** Whether the other version of the same record is not the current one and cannot become it, since this one has been it. */
  supersedes(other: RecordVersion): boolean {
    return other.number <= this.number && other.name !== this.name;
  }
}

function versionOf(number: number, until: number): RecordVersion {
  const name = `${number}-${randomBytes(16).toString('hex')}-${textOf(until)}`;
  return RecordVersion.parse(name) as RecordVersion;
}

function textOf(until: number): string {
  if (until === 0) return 'gone';
  return until < NEVER ? String(Math.ceil(until)) : 'never';
}

function untilOf(text: string): number {
  if (text === 'gone') return 0;
  return text === 'never' ? Infinity : Number(text);
}
