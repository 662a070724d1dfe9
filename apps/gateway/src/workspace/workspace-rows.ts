import type { LocalDays } from '@conducktor/budget';
import type {
  DeclaredScope,
  FreezeKind,
  StoredPreview,
  ToolCost,
  ToolLabel,
} from '@conducktor/contracts';
import type { BudgetRow } from '../budgets/workspace-budgets.js';
import type { LimitRow } from '../limits/call-limits.js';
import type { PriceListRow } from '../price/workspace-prices.js';
import type { ApiKeyEntry, Member, ToolClass, ToolsetEntry, Workspace } from './types.js';

// Longer than any access token lives (60 minutes by default, a day at most).
const REVOKED_WINDOW = '25 hours';
// Characters; a model reads them with every conversation.
const MAX_INSTRUCTIONS = 4_000;

export interface FrozenRow {
  kind: FreezeKind;
  subjectId: string;
  reason: string;
}

interface ConnectionRow {
  id: string;
  slug: string;
  timeoutMs: number;
  revision: number;
  scopes: DeclaredScope[];
  capabilities: Record<string, unknown> | null;
  instructions: string | null;
  labels: ToolLabel[] | null;
}

interface ToolRow {
  id: string;
  connectionId: string;
  shownName: string;
  upstreamName: string;
  class: ToolClass;
  isClassSet: boolean;
  labels: string[];
  definition: Record<string, unknown>;
  definitionHash: string;
  cost: ToolCost | null;
  preview: StoredPreview | null;
  quarantined: boolean;
}

/** What a workspace is made of, in one row; lists in the order in which they are shown. */
export interface WorkspaceRows {
  version: string;
  name: string;
  limitProfile: Workspace['limitProfile'];
  /** Of the active policy. */
  document: unknown;
  policyVersion: number | null;
  members: Member[];
  apiKeys: ApiKeyEntry[];
  revokedGrants: string[];
  frozen: FrozenRow[];
  limits: LimitRow[];
  currency: string;
  zone: string;
  budgets: BudgetRow[];
  days: LocalDays | null;
  priceLists: PriceListRow[];
  connections: ConnectionRow[];
  tools: ToolRow[];
  toolsets: ToolsetEntry[];
}

// Longer than a snapshot lasts: something of the workspace changes before.
const DAYS_AHEAD = 400;

/**
 * One statement, so that one moment is seen and one round trip made; prepared once per session, because
 * planning it takes several times as long as running it. Row level security names the tenant.
 */
export const WORKSPACE_ROWS = {
  name: 'workspace_rows',
  text: `
select v.version, t.name, t.limit_profile as "limitProfile", p.document, t.active_policy as "policyVersion",
  (select coalesce(json_agg(json_build_object(
       'id', m.id, 'userId', m.user_id, 'email', m.email, 'roles', m.roles, 'groups', coalesce(
         (select json_agg(g.name order by g.name)
            from group_membership gm join workspace_group g on g.tenant_id = gm.tenant_id and g.id = gm.group_id
           where gm.tenant_id = m.tenant_id and gm.member_id = m.id), '[]'))), '[]')
     from member m where m.disabled_at is null) as members,
  (select coalesce(json_agg(json_build_object('id', k.id, 'memberId', k.member_id)), '[]')
     from api_key k where k.revoked_at is null) as "apiKeys",
  (select coalesce(json_agg(g.id), '[]')
     from oauth_grant g where g.revoked_at > now() - interval '${REVOKED_WINDOW}') as "revokedGrants",
  (select coalesce(json_agg(json_build_object(
       'kind', f.kind, 'subjectId', f.subject_id, 'reason', f.reason)), '[]')
     from frozen f) as frozen,
  (select coalesce(json_agg(json_build_object(
       'id', r.id, 'kind', r.kind, 'subjectId', r.subject_id, 'allowances', r.allowances)), '[]')
     from rate_limit r) as limits,
  t.currency, t.zone,
  (select coalesce(json_agg(json_build_object(
       'id', b.id, 'number', b.number, 'kind', b.scope_kind, 'period', b.period,
       'subject', case when b.scope_kind = 'group' then g.name else b.scope_id end) order by b.number), '[]')
     from budget b
     left join workspace_group g on g.tenant_id = b.tenant_id and g.id = b.scope_id
    where b.deleted_at is null) as budgets,
  -- From yesterday on. Where clocks go back at midnight, a day begins with the first of the two.
  case when exists (select from budget b where b.deleted_at is null and b.period <> 'rolling-30d') then (
    select json_build_object('first', min(day), 'starts', json_agg(extract(epoch from
             case when budget_period_index('day', midnight - interval '1 hour', t.zone) = day
                  then midnight - interval '1 hour' else midnight end)::bigint order by day))
      from generate_series(budget_period_index('day', now(), t.zone) - 1,
                           budget_period_index('day', now(), t.zone) + ${DAYS_AHEAD}) day
     cross join lateral (select budget_period_start('day', day, t.zone) as midnight) d) end as days,
  (select coalesce(json_agg(json_build_object(
       'validFrom', extract(epoch from p.valid_from) * 1000, 'validUntil', extract(epoch from p.valid_until) * 1000,
       'prices', p.prices) order by p.valid_from desc, p.id), '[]')
     from price_list p where p.valid_until is null or p.valid_until > now()) as "priceLists",
  (select coalesce(json_agg(json_build_object(
       'id', c.id, 'slug', c.slug, 'timeoutMs', c.timeout_ms, 'revision', c.revision, 'scopes', c.scopes,
       'capabilities', c.server->'capabilities', 'instructions', left(c.server->>'instructions', ${MAX_INSTRUCTIONS}),
       'labels', l.labels)
       order by c.slug collate "C"), '[]')
     from connection c
     left join (select o.connection_id, array_agg(distinct label) as labels
                  from tool o, unnest(o.labels) label group by o.connection_id) l on l.connection_id = c.id) as connections,
  (select coalesce(json_agg(json_build_object(
       'id', o.id, 'connectionId', o.connection_id, 'shownName', o.shown_name, 'upstreamName', o.upstream_name,
       'class', coalesce(o.class_override, o.proposed_class), 'isClassSet', o.class_override is not null,
       'labels', o.labels,
       'definition', case when o.offered_hash is null then o.definition else '{}' end,
       'definitionHash', encode(o.definition_hash, 'hex'),
       'cost', o.cost, 'preview', o.preview, 'quarantined', o.offered_hash is not null)
       order by o.shown_name collate "C"), '[]')
     from tool o where o.removed_at is null and not o.hidden) as tools,
  (select coalesce(json_agg(json_build_object(
       'slug', s.slug, 'tools', s.tools, 'prefix', s.prefix, 'mode', s.mode) order by s.slug collate "C"), '[]')
     from toolset s) as toolsets
  from tenant t
  join tenant_version v on v.tenant_id = t.id
  left join policy p on p.tenant_id = t.id and p.version = t.active_policy`,
};
