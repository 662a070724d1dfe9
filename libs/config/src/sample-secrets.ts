// Words that people leave in place of a secret. Compared without case and separators.
const WORDS = [
  'changeme',
  'changethis',
  'secret',
  'password',
  'postgres',
  'conducktor',
  'example',
  'sample',
  'default',
  'replaceme',
  'yoursecret',
  'todo',
  'test',
  'admin',
  'insecure',
];

/** The first of `names` whose value is a sample or default secret, or undefined. */
export function sampleSecret(
  given: Readonly<Record<string, string>>,
  names: readonly string[],
): string | undefined {
  return names.find((name) => {
    const value = given[name];
    if (value === undefined) return false;
    if (name === 'SECRET_KEY') return isSampleKey(value);
    if (name === 'OAUTH_CLIENT_SECRET') return isSampleWord(value);
    if (name === 'DATABASE_URL' || name === 'REDIS_URL') {
      const url = URL.canParse(value) ? new URL(value) : undefined;
      return (
        url !== undefined &&
        url.password !== '' &&
        (isSampleWord(url.password) || url.password === url.username)
      );
    }
    return false;
  });
}

function isSampleWord(value: string): boolean {
  const bare = value
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '')
    .replace(/\d+$/, '');
  return (
    bare === '' || WORDS.some((word) => bare.startsWith(word) && bare.length <= word.length * 3)
  );
}

// 32 random bytes with fewer than 12 different values do not happen; readable text is not random.
function isSampleKey(value: string): boolean {
  const bytes = Buffer.from(value, 'base64url');
  const readable = bytes.every((byte) => byte >= 0x20 && byte < 0x7f);
  return (
    new Set(bytes).size < 12 ||
    readable ||
    WORDS.some((word) => word.length > 5 && value.toLowerCase().replace(/[-_]/g, '').includes(word))
  );
}
