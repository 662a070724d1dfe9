export {
  createTestCluster,
  createTestDatabase,
  type TestCluster,
  type TestDatabase,
} from './cluster.js';
