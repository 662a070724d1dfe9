export { readCookies as parse } from '@conducktor/identity';
