import { resolve } from 'node:path';

import type { ResolvedOptions } from './resolve-options.js';

/** The file in which a memory store of the module leaves its records. */
export interface Snapshot {
  /** The option that names it, as a message shows it. */
  readonly option: string;
  /** Absolute. */
  readonly path: string;
}

/** Those of the module's store, and of the one that its sessions leave or move to. */
export function snapshotsOf({ store, memory, storeMigration: other }: ResolvedOptions): Snapshot[] {
  const stores = [
    { option: 'memory.snapshot', store, memory },
    {
      option: `${other?.moves === false ? 'migrateTo' : 'migrateFrom'}.memory.snapshot`,
      store: other?.store,
      memory: other?.connections.memory,
    },
  ];
  return stores.flatMap(({ option, store: kind, memory: { snapshot: path } = {} }) =>
    kind === 'memory' && path !== undefined ? [{ option, path: resolve(path) }] : [],
  );
}
