import { interactionPolicy } from 'oidc-provider';

/**
 * When a person is asked: to sign in as usual; to consent always. A remembered consent could be
 * spent by whoever gets a signed-in browser to open a link, so each authorization takes a posted one.
 */
export function createInteractionPolicy(): interactionPolicy.DefaultPolicy {
  const policy = interactionPolicy.base();
  const { checks } = policy.get('consent')!;
  checks.clear();
  checks.add(
    new interactionPolicy.Check(
      'always',
      'each authorization is consented to',
      'consent_required',
      (ctx) =>
        ctx.oidc.result?.consent
          ? interactionPolicy.Check.NO_NEED_TO_PROMPT
          : interactionPolicy.Check.REQUEST_PROMPT,
    ),
  );
  return policy;
}
