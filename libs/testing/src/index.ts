export {
  createTestCluster,
  createTestDatabase,
  type TestCluster,
  type TestDatabase,
} from './cluster.js';
export {
  jsonAnswer,
  startNamedServers,
  type NamedHandler,
  type NamedServers,
} from './named-servers.js';
export { injectionCorpus, type InjectionCorpus } from './injection-corpus.js';
export { ssrfCorpus } from './ssrf-corpus.js';
export { seedWorkspace, type SeededMember, type SeededWorkspace } from './seed-workspace.js';
export { freePortBlock } from './port-block.js';
export { startRoundRobin, type RoundRobin } from './round-robin.js';
export {
  connectRevision,
  REVISIONS,
  type Answers,
  type Revision,
  type RevisionClient,
} from './clients/revision-client.js';
export { startFaultProxy, type Fault, type FaultOptions, type FaultProxy } from './fault-proxy.js';
export {
  startRecordingUpstream,
  type RecordedCall,
  type RecordingUpstream,
} from './upstreams/recording-upstream.js';
export {
  FIXTURE_TOOLS,
  RpcError,
  type FixtureTool,
  type ToolRun,
} from './upstreams/fixture-tools.js';
export { startHostileUpstream, type HostileUpstream } from './upstreams/hostile-upstream.js';
export { MISBEHAVIOURS } from './upstreams/misbehaviours.js';
export { HOSTILE_STREAMS } from './upstreams/hostile-streams.js';
export { HOSTILE_LISTS } from './upstreams/hostile-lists.js';
export { startSdkUpstream, type SdkUpstream } from './upstreams/sdk-upstream.js';
export {
  startConformanceUpstream,
  type ConformanceUpstream,
} from './upstreams/conformance-upstream.js';
export { rawCall, rawMcp, rawPost, type RawAnswer, type RawOptions } from './clients/raw-mcp.js';
export {
  connectLegacy,
  connectLegacySignedIn,
  connectModern,
  connectModernSignedIn,
} from './clients/sdk-clients.js';
export { startOtlpReceiver, type OtlpReceiver, type ReceivedSpan } from './otlp-receiver.js';
export { seriousFindings } from './axe.js';
export { findChromium, startChromium } from './clients/chromium.js';
export {
  CookieJar,
  FormBrowser,
  formsOf,
  MemoryOAuthProvider,
  signIn,
  type Form,
  type Page,
  type Person,
} from '@conducktor/oauth-client';
