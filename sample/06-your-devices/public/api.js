/** A response other than 2xx, or none at all; the message is for the person in front of the page. */
export class ApiError extends Error {
  constructor(status, message, { code } = {}) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

/** Asks the server. The cookie travels by itself. */
export async function api(method, path, body) {
  const json = body && { headers: { 'Content-Type': 'application/json' }, body: JSON.stringify(body) };
  const response = await fetch(`/api/${path}`, { method, cache: 'no-store', ...json }).catch(() => {
    throw new ApiError(0, 'The server does not answer. Is it still running?');
  });
  const content = response.status === 204 ? undefined : await response.json().catch(() => ({}));
  if (response.ok) return content;
  throw new ApiError(response.status, reasonOf(response.status, content ?? {}), content);
}

function reasonOf(status, { message }) {
  if (status === 503) return 'The session store does not answer. You are not signed out: try again in a moment.';
  if (status < 500 && typeof message === 'string') return message;
  return `Something went wrong on the server (${status}).`;
}
