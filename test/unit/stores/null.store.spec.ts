import { afterEach, describe, expect, it, vi } from 'vitest';
import { NullStore } from '../../../lib/stores/null.store.js';

describe('NullStore', () => {
  afterEach(() => {
    vi.restoreAllMocks();
  });

  it('remembers nothing', async () => {
    vi.spyOn(process, 'emitWarning').mockReturnValue();
    const store = new NullStore();
    await store.set('key', 'value', 60);
    expect(await store.create('key', 'value', 60)).toBe(true);
    expect(await store.create('key', 'value', 60)).toBe(true);
    expect(await store.get('key')).toBeUndefined();
    expect(await store.read('key')).toBeUndefined();
    expect(await store.replace('key', 'value', 60, 1)).toBe('missing');
    expect(await store.delete('key')).toBe(false);
  });

  it('warns once, when it is made', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockReturnValue();
    const store = new NullStore();
    await store.create('key', 'value', 60);
    await store.read('key');
    expect(warn.mock.calls).toEqual([[expect.stringContaining('Sessions are not kept'), 'NullStore']]);
  });
});
