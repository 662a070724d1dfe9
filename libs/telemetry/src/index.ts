export { STEPS, Timeline, type Step } from './timeline.js';
