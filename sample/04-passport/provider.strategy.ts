import { Inject, Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import Strategy from 'passport-oauth2';

import { Accounts, type User } from './accounts.js';

const provider = process.env['PROVIDER_URL'];

@Injectable()
export class ProviderStrategy extends PassportStrategy(Strategy, 'provider') {
  constructor(@Inject(Accounts) private readonly accounts: Accounts) {
    super({
      authorizationURL: `${provider}/authorize`,
      tokenURL: `${provider}/token`,
      clientID: 'shop',
      clientSecret: 'a secret that the two have agreed on',
      callbackURL: '/log-in/callback',
      state: true, // in the session, until the browser comes back
      pkce: true,
    });
  }

  override userProfile(accessToken: string, done: (error: unknown, profile?: unknown) => void): void {
    fetch(`${provider}/userinfo`, { headers: { authorization: `Bearer ${accessToken}` } })
      .then((response) => response.json())
      .then((profile) => done(null, profile), done);
  }

  async validate(_accessToken: string, _refreshToken: string, profile: { sub: string }): Promise<User | false> {
    return (await this.accounts.withId(profile.sub)) ?? false;
  }
}
