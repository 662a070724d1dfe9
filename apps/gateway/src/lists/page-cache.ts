import type { ChangingList } from './lists.js';
import type { Page } from './read-page.js';

export interface PageKey {
  connectionId: string;
  list: ChangingList;
  /** Everything else that makes a page another one: member, method, cursor, revision, capabilities. */
  rest: string;
}

export interface CachedPage {
  page: Page;
  /** Milliseconds for which it may still be shown. */
  ttlMs: number;
}

// Characters of the answers that pages were read from; about as much memory.
const MAX_CHARS = 32 * 1024 * 1024;
// What a page takes besides, so that empty ones are bounded too.
const PAGE_CHARS = 1_000;

/**
 * Pages of upstream lists for as long as their upstream allows, at most a minute. Pages are a person's
 * own: the key names the member. The same page is read once at a time. Bounded; the oldest go first.
 */
export class PageCache {
  /** In the order in which they were read. */
  private readonly pages = new Map<string, { page: Page; until: number; list: string }>();
  /** Names of pages by the list they are of: every listener drops a list, and must not look at all pages. */
  private readonly names = new Map<string, Set<string>>();
  private readonly reading = new Map<string, Promise<Page>>();
  private chars = 0;

  constructor(
    private readonly now: () => number = () => performance.now(),
    private readonly maxChars = MAX_CHARS,
  ) {}

  /** Rejects as `read` does; nothing is kept then. */
  async get(key: PageKey, read: () => Promise<Page>): Promise<CachedPage> {
    const list = listOf(key.connectionId, key.list);
    const name = `${list}${key.rest}`;
    const known = this.pages.get(name);
    if (known && known.until > this.now())
      return { page: known.page, ttlMs: known.until - this.now() };
    const page = await (this.reading.get(name) ?? this.readOnce(name, list, read));
    return { page, ttlMs: page.ttlMs };
  }

  /** The upstream says that its list changed. */
  drop(connectionId: string, list: ChangingList): void {
    const prefix = listOf(connectionId, list);
    for (const name of this.names.get(prefix) ?? []) this.forget(name);
    // What is being read may be older than the change: those who wait see it, and nobody after them.
    for (const name of this.reading.keys()) if (name.startsWith(prefix)) this.reading.delete(name);
  }

  private readOnce(name: string, list: string, read: () => Promise<Page>): Promise<Page> {
    const reading = read().then(
      (page) => {
        if (this.endOf(name, reading)) this.keep(name, list, page);
        return page;
      },
      (error: unknown) => {
        this.endOf(name, reading);
        throw error;
      },
    );
    this.reading.set(name, reading);
    return reading;
  }

  /** Whether it was still the one that counts. */
  private endOf(name: string, reading: Promise<Page>): boolean {
    return this.reading.get(name) === reading && this.reading.delete(name);
  }

  private keep(name: string, list: string, page: Page): void {
    this.forget(name);
    if (page.ttlMs <= 0) return;
    this.pages.set(name, { page, until: this.now() + page.ttlMs, list });
    const names = this.names.get(list);
    if (names) names.add(name);
    else this.names.set(list, new Set([name]));
    this.chars += page.size + PAGE_CHARS;
    for (const [oldest, { until }] of this.pages) {
      if (this.chars <= this.maxChars && until > this.now()) break;
      this.forget(oldest);
    }
  }

  private forget(name: string): void {
    const known = this.pages.get(name);
    if (!known) return;
    this.chars -= known.page.size + PAGE_CHARS;
    this.pages.delete(name);
    const names = this.names.get(known.list)!;
    names.delete(name);
    if (names.size === 0) this.names.delete(known.list);
  }
}

const listOf = (connectionId: string, list: ChangingList) => `${connectionId} ${list} `;
