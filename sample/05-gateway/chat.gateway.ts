import { UseGuards } from '@nestjs/common';
import { MessageBody, SubscribeMessage, WebSocketGateway, WebSocketServer, WsException } from '@nestjs/websockets';
import { Session, SignedInGuard } from 'nest-session';
import type { Server, Socket } from 'socket.io';

import type { ChatSession } from './chat-session.js';

interface Message {
  readonly from: string | undefined;
  readonly text: string;
}

@WebSocketGateway()
export class ChatGateway {
  @WebSocketServer()
  readonly server!: Server;

  #latest: readonly Message[] = [];

  /** The guard comes first, so that the room holds signed-in users alone. */
  @UseGuards(SignedInGuard)
  async handleConnection(client: Socket): Promise<void> {
    await client.join('members');
    client.emit('latest', this.#latest);
  }

  @UseGuards(SignedInGuard)
  @SubscribeMessage('say')
  say(@Session() session: Session<ChatSession>, @MessageBody() text: unknown): object {
    if (typeof text !== 'string' || text.trim() === '') throw new WsException('Say something.');
    session.said = (session.said ?? 0) + 1; // saved before the acknowledgement leaves
    const message = { from: session.user, text: text.trim().slice(0, 500) };
    this.#latest = [...this.#latest.slice(-49), message];
    this.server.to('members').emit('said', message);
    return { said: session.said };
  }
}
