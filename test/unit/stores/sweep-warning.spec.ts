import { afterEach, describe, expect, it, vi } from 'vitest';

import { SessionStoreError } from '../../../lib/index.js';
import { SweepWarning } from '../../../lib/stores/sweep-warning.js';

afterEach(() => {
  vi.restoreAllMocks();
});

describe('the warning of sweeps that fail', () => {
  it('waits for a second failure where the back-end may just be away, and comes once', () => {
    const emit = vi.spyOn(process, 'emitWarning').mockReturnValue();
    const warning = new SweepWarning('OwnStore');
    const away = new SessionStoreError('away', { isTimeout: true });
    const fail = (): void => warning.failed(away, () => 'Expired sessions stay.');
    fail();
    warning.worked();
    fail();
    expect(emit).not.toHaveBeenCalled();
    fail();
    fail();
    expect(emit.mock.calls).toEqual([['Expired sessions stay.', 'OwnStore']]);
  });

  it('comes with the first refusal, and again after a sweep that has worked', () => {
    const emit = vi.spyOn(process, 'emitWarning').mockReturnValue();
    const warning = new SweepWarning('OwnStore');
    const refused = new SessionStoreError('refused', { isRefusal: true });
    for (let at = 0; at < 2; at++) {
      warning.failed(refused, () => 'Expired sessions stay.');
      warning.failed(refused, () => 'Expired sessions stay.');
      warning.worked();
    }
    expect(emit).toHaveBeenCalledTimes(2);
  });
});
