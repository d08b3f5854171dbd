import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { inspect } from 'node:util';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { HmacSigner } from '../../../lib/cookies/hmac.signer.js';
import { ItsdangerousSigner } from '../../../lib/cookies/itsdangerous.signer.js';
import { SessionConfigurationError } from '../../../lib/session.errors.js';

interface SignCase {
  readonly id: string;
  readonly description: string;
  readonly secretKeysHexOldestFirst: readonly string[];
  readonly salt: string;
  readonly keyDerivation: string;
  readonly digest: 'sha1';
  readonly sep: string;
  readonly valueUtf8: string;
  readonly valueHex: string;
  readonly signed: string;
}

interface VerifyCase {
  readonly id: string;
  readonly description: string;
  readonly secretKeysHexOldestFirst: readonly string[];
  readonly salt: string;
  readonly signed: string;
  readonly valid: boolean;
  readonly valueUtf8?: string;
}

const vectors = JSON.parse(readFileSync(new URL('../../fixtures/vectors/signer.json', import.meta.url), 'utf8')) as {
  readonly sign: readonly SignCase[];
  readonly verify: readonly VerifyCase[];
};

/** itsdangerous lists the secret that signs last, and a secret may be bytes that are no text. */
function newestFirst(secretsHex: readonly string[]): Uint8Array[] {
  return secretsHex.map((hex) => Buffer.from(hex, 'hex')).toReversed();
}

function isUtf8(hex: string): boolean {
  const bytes = Buffer.from(hex, 'hex');
  return Buffer.from(bytes.toString('utf8'), 'utf8').equals(bytes);
}

describe('the vectors of itsdangerous', () => {
  it('has the groups that are tested here and no other', () => {
    expect(Object.keys(vectors)).toEqual(['meta', 'sign', 'verify']);
    expect([vectors.sign.length, vectors.verify.length]).toEqual([19, 18]);
  });

  /** An id is text here; bytes that are no UTF-8 cannot be one. */
  const NOT_TEXT = ['sig-019'];

  it.each(vectors.sign)('$id $description: signs to the same cookie, and reads it', (vector) => {
    expect(vector).toMatchObject({ keyDerivation: 'hmac', digest: 'sha1', sep: '.' });
    const signer = new ItsdangerousSigner(newestFirst(vector.secretKeysHexOldestFirst), { salt: vector.salt });
    expect(isUtf8(vector.valueHex)).toBe(!NOT_TEXT.includes(vector.id));
    if (NOT_TEXT.includes(vector.id)) return expect(signer.unsign(vector.signed)).toBeUndefined();
    const id = Buffer.from(vector.valueHex, 'hex').toString('utf8');
    expect(signer.sign(id)).toBe(vector.signed);
    return expect(signer.unsign(vector.signed)).toEqual({ id, rotated: false });
  });

  it.each(vectors.sign)('$id $description: secrets may be given as text', (vector) => {
    if (!vector.secretKeysHexOldestFirst.every(isUtf8)) return expect(vector.id).toBe('sig-006'); // bytes that are no text
    const secrets = newestFirst(vector.secretKeysHexOldestFirst);
    const texts = secrets.map((secret) => Buffer.from(secret).toString('utf8'));
    const options = { salt: vector.salt };
    return expect(new ItsdangerousSigner(texts, options).sign('x')).toBe(
      new ItsdangerousSigner(secrets, options).sign('x'),
    );
  });

  /** itsdangerous takes these, though it never writes them. Here a cookie has one spelling. */
  const STRICTER: Readonly<Record<string, string>> = {
    'ver-013': 'padding',
    'ver-014': 'the other alphabet of base64',
    'ver-016': 'another spelling of the last character',
    'ver-017': 'another spelling of the last character',
    'ver-018': 'another spelling of the last character',
  };

  it.each(vectors.verify)('$id $description', ({ id, secretKeysHexOldestFirst, salt, signed, valid, valueUtf8 }) => {
    const result = new ItsdangerousSigner(newestFirst(secretKeysHexOldestFirst), { salt }).unsign(signed);
    if (STRICTER[id] !== undefined) expect(valid).toBe(true);
    const accepted = valid && STRICTER[id] === undefined;
    expect(result?.id).toBe(accepted ? valueUtf8 : undefined);
    if (accepted) expect(result?.rotated).toBe(secretKeysHexOldestFirst.length > 1);
  });

  it('Quart-Session is the default', () => {
    const id = 'b8ebbf02-cc7a-4b0b-824f-22a984c8c0b8';
    expect(new ItsdangerousSigner('s3cr3t-key-for-tests').sign(id)).toBe(`${id}.6cnGOUdF-CvMIUJSSn2fKmkwCGM`);
  });
});

describe('HmacSigner', () => {
  it('has the same shape with SHA-256 and a salt of its own', () => {
    const key = createHmac('sha256', 's3cret').update('nest-session').digest();
    const signature = createHmac('sha256', key).update('some-id').digest('base64url');
    expect(signature).toHaveLength(43);
    expect(new HmacSigner('s3cret').sign('some-id')).toBe(`some-id.${signature}`);
    expect(new HmacSigner('s3cret', { salt: 'other' }).sign('some-id')).not.toBe(`some-id.${signature}`);
  });
});

describe('digest', () => {
  it.each(['sha1', 'sha256', 'sha384', 'sha512'] as const)('%s signs and verifies', (digest) => {
    const signer = new ItsdangerousSigner('s3cret', { digest });
    expect(signer.unsign(signer.sign('id'))).toEqual({ id: 'id', rotated: false });
  });

  it('an unknown one is refused with those that there are', () => {
    const options = { digest: 'md5' as 'sha1' };
    expect(() => new ItsdangerousSigner('s3cret', options)).toThrow(SessionConfigurationError);
    expect(() => new ItsdangerousSigner('s3cret', options)).toThrow('sha1, sha256, sha384, sha512');
  });
});

describe.each([
  ['HmacSigner', HmacSigner],
  ['ItsdangerousSigner', ItsdangerousSigner],
] as const)('%s', (name, Signer) => {
  const signer = new Signer(['new', 'older', 'oldest']);

  it('signs with the first secret and verifies with all', () => {
    expect(signer.sign('id')).toBe(new Signer('new').sign('id'));
    expect(signer.unsign(new Signer('new').sign('id'))).toEqual({ id: 'id', rotated: false });
    expect(signer.unsign(new Signer('older').sign('id'))).toEqual({ id: 'id', rotated: true });
    expect(signer.unsign(new Signer('oldest').sign('id'))).toEqual({ id: 'id', rotated: true });
    expect(signer.unsign(new Signer('retired').sign('id'))).toBeUndefined();
  });

  it('a signature made for another purpose does not verify', () => {
    expect(signer.unsign(new Signer('new', { salt: 'password-reset' }).sign('id'))).toBeUndefined();
  });

  it('gives back any id that it has signed, dots included', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme' }), (id) => {
        expect(signer.unsign(signer.sign(id))).toEqual({ id, rotated: false });
      }),
    );
  });

  it('a cookie with any one character changed, dropped or added does not verify', () => {
    const cookie = signer.sign('some-id');
    const changes = fc.tuple(fc.nat(cookie.length), fc.nat(1), fc.string({ unit: 'binary', maxLength: 1 }));
    fc.assert(
      fc.property(changes, ([at, removed, added]) => {
        const changed = cookie.slice(0, at) + added + cookie.slice(at + removed);
        fc.pre(changed !== cookie);
        expect(signer.unsign(changed)).toBeUndefined();
      }),
      { numRuns: 500 },
    );
  });

  it('never throws, whatever the cookie', () => {
    const signature = signer.sign('').slice(1);
    // As many characters but more bytes, for one: only buffers of one length can be compared in constant time.
    const cookies = [
      '',
      '.',
      '..',
      'id',
      'id.',
      `id.${'é'.repeat(signature.length)}`,
      `id.${'a'.repeat(1e6)}`,
      '\ud800.\udfff',
      '\0.\0',
    ];
    for (const cookie of cookies) expect(signer.unsign(cookie)).toBeUndefined();
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (cookie) => {
        expect(signer.unsign(cookie)).toBeUndefined();
      }),
    );
  });

  it.each([
    ['no secret', []],
    ['an empty secret', ''],
    ['an empty secret in the list', ['a', '']],
    ['an undefined secret', undefined],
    ['an undefined secret in the list', [undefined]],
    ['empty bytes', new Uint8Array()],
    ['a number', 5],
  ])('%s is refused with the remedy', (_what, secrets) => {
    const make = (): unknown => new Signer(secrets as string);
    expect(make).toThrow(SessionConfigurationError);
    expect(make).toThrow(new RegExp(`^${name}.*(pass at least one|Write 32 random bytes)`));
  });

  it('shows its secrets to no logger', () => {
    const secret = 'correct-horse-battery';
    const shown = new Signer([secret, 'other-horse']);
    const key = createHmac(name === 'HmacSigner' ? 'sha256' : 'sha1', secret)
      .update('x')
      .digest('hex');
    for (const text of [
      inspect(shown, { showHidden: true, depth: 9 }),
      JSON.stringify(shown),
      String(Object.entries(shown)),
    ]) {
      expect(text).not.toMatch(/horse/);
      expect(text).not.toContain(key);
    }
    expect(Reflect.ownKeys(shown)).toEqual([]);
  });
});
