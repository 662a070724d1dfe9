import { compilePrice, type Price } from '@conducktor/budget';
import { ToolCost } from '@conducktor/contracts';
import { compileAmount, compileGlobs, type PolicyInput } from '@conducktor/policy';
import type { Tool } from '../workspace/types.js';

/** A price list as its workspace has it; times are Unix milliseconds. */
export interface PriceListRow {
  validFrom: number;
  /** The first moment at which it holds no more. Null: it has no end. */
  validUntil: number | null;
  /** The first whose globs fit a tool's shown name is what the list says of it. */
  prices: readonly { tools: readonly string[]; cost: ToolCost }[];
}

/** A cost model ready to price calls, or what is wrong with it. */
export type ToolPrice = { price: Price<PolicyInput> } | { error: string };

/** What a tool is known by here. */
export type PricedTool = Pick<Tool, 'shownName' | 'cost'>;

interface Valid {
  from: number;
  until: number;
  price: ToolPrice;
}

interface CompiledList {
  from: number;
  until: number;
  prices: readonly { fits: (name: string) => boolean; price: () => ToolPrice }[];
}

/**
 * What the tools of one snapshot cost. A tool's own cost counts whatever the lists say; else, of the lists that
 * hold at the moment and name the tool, the one that began last. Each tool is looked through the lists once.
 */
export class WorkspacePrices {
  private readonly lists: readonly CompiledList[];
  private readonly known = new WeakMap<PricedTool, readonly Valid[]>();

  /** `rows`: those valid now or later, the one that begins last first. */
  constructor(rows: readonly PriceListRow[]) {
    this.lists = rows.map(({ validFrom, validUntil, prices }) => ({
      from: validFrom,
      until: validUntil ?? Infinity,
      prices: prices.map(({ tools, cost }) => ({
        fits: compileGlobs(tools),
        price: once(() => compile(cost)),
      })),
    }));
  }

  /** At `now`, in Unix milliseconds. Undefined: it is free. */
  of(tool: PricedTool, now: number): ToolPrice | undefined {
    let valid = this.known.get(tool);
    if (!valid) this.known.set(tool, (valid = this.find(tool)));
    for (const { from, until, price } of valid) if (from <= now && now < until) return price;
    return undefined;
  }

  private find({ shownName, cost }: PricedTool): readonly Valid[] {
    if (cost) return [{ from: -Infinity, until: Infinity, price: compile(cost) }];
    return this.lists.flatMap(({ from, until, prices }) => {
      const fitting = prices.find(({ fits }) => fits(shownName));
      return fitting ? [{ from, until, price: fitting.price() }] : [];
    });
  }
}

function compile(cost: unknown): ToolPrice {
  const known = ToolCost.safeParse(cost);
  // Written by a later version. Nothing is known of it, least of all that it is free.
  if (!known.success) return { error: 'it is of no kind that is known here' };
  return compilePrice(known.data, compileAmount);
}

function once<Made>(make: () => Made): () => Made {
  let made: { value: Made } | undefined;
  return () => (made ??= { value: make() }).value;
}
