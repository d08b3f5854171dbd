// One command for both: the provider, which asks the browser who it is, and the application, which believes it.
import { startProvider } from './provider.js';

process.env['PROVIDER_URL'] = await startProvider(Number(process.env['PROVIDER_PORT'] ?? 3001));
await import('./main.js');
