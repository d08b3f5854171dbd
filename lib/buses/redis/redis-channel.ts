import {
  isNodeRedis,
  type IoredisBusClient,
  type NodeRedisBusClient,
  type RedisBusClient,
} from './redis-bus-client.js';

/** Who listens on a channel. */
export interface ChannelListener {
  /** A message, of any program. */
  hear(message: string): void;
  /** The connection listens, for the first time or again. */
  subscribed(): void;
  failed(error: unknown): void;
}

/** Listens on a connection of its own, which it opens, until the returned function is called. */
export function listenOn(client: RedisBusClient, channel: string, listener: ChannelListener): () => void {
  return isNodeRedis(client)
    ? listenWithNodeRedis(client, channel, listener)
    : listenWithIoredis(client, channel, listener);
}

function listenWithIoredis(client: IoredisBusClient, channel: string, listener: ChannelListener): () => void {
  const subscriber = client.duplicate();
  const failed = (error: unknown): void => listener.failed(error);
  subscriber.on('message', (_channel, message) => listener.hear(message));
  subscriber.on('error', failed);
  // After each connection: ioredis subscribes again by itself only to what it was once subscribed to, and not if that is off.
  subscriber.on('ready', () => void subscriber.subscribe(channel).then(() => listener.subscribed(), failed));
  if (subscriber.status === 'wait') subscriber.connect().catch(failed);
  return () => subscriber.disconnect();
}

function listenWithNodeRedis(client: NodeRedisBusClient, channel: string, listener: ChannelListener): () => void {
  const subscriber = client.duplicate();
  const failed = (error: unknown): void => listener.failed(error);
  let isSubscribed = false;
  const subscribed = (): void => {
    isSubscribed = true;
    listener.subscribed();
  };
  subscriber.on('error', failed);
  subscriber.on('ready', () => {
    // It has subscribed again by then to what it was once subscribed to.
    if (isSubscribed) subscribed();
    else subscriber.subscribe(channel, (message) => listener.hear(message)).then(subscribed, failed);
  });
  subscriber.connect().catch(failed);
  return () => subscriber.destroy();
}
