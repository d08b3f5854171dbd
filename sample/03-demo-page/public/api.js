/** An answer other than 2xx, or none at all; the message is for the person in front of the page. */
export class ApiError extends Error {
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** Asks the server. The cookie travels by itself. */
export async function api(method, path, body) {
  const json = body && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(`/api/${path}`, { method, cache: 'no-store', ...json }).catch(() => {
    throw new ApiError(0, 'The server does not answer. Is it still running?');
  });
  if (!response.ok) throw new ApiError(response.status, await reasonOf(response));
  return response.status === 204 ? undefined : response.json();
}

async function reasonOf(response) {
  if (response.status === 503) {
    return 'The session store does not answer. You are not signed out: try again in a moment.';
  }
  const { message } = await response.json().catch(() => ({}));
  if (response.status < 500 && typeof message === 'string' && message !== 'Unauthorized') return message;
  if (response.status === 401) return 'Your session has ended. Load the page again to start a new one.';
  return `Something went wrong on the server (${response.status}).`;
}
