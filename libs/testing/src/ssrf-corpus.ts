/** Ways in which private, local and reserved addresses have been written to get past filters. */
export function ssrfCorpus(): string[] {
  return [...new Set([...ipv4Spellings(), ...ipv6Spellings(), ...names(), ...ranges()])];
}

const V4 = [
  '127.0.0.1',
  '127.1.2.3',
  '10.0.0.1',
  '172.16.0.1',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '100.100.100.200',
];

function ipv4Spellings(): string[] {
  return V4.flatMap((text) => {
    const [a, b, c, d] = text.split('.').map(Number) as [number, number, number, number];
    const whole = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
    const hex = (value: number) => `0x${value.toString(16)}`;
    const octal = (value: number) => `0${value.toString(8)}`;
    const full = [...text]
      .map((char) => (char === '.' ? '。' : String.fromCharCode(char.charCodeAt(0) + 0xfee0)))
      .join('');
    return [
      text,
      `${text}.`,
      String(whole),
      hex(whole),
      octal(whole),
      [a, b, c, d].map(hex).join('.'),
      [a, b, c, d].map(octal).join('.'),
      [a, b, c, d].map((value) => `000${value.toString(8)}`).join('.'),
      `${a}.${(b << 16) | (c << 8) | d}`,
      `${a}.${b}.${(c << 8) | d}`,
      `${hex(a)}.${(b << 16) | (c << 8) | d}`,
      `${hex(a)}.${octal(b)}.${c}.${d}`,
      [...text].map((char) => `%${char.charCodeAt(0).toString(16)}`).join(''),
      full,
      text.replaceAll('.', '。'),
      `[::ffff:${text}]`,
      `[::ffff:0:${text}]`,
      `[::${text}]`,
      `[64:ff9b::${text}]`,
      `[64:ff9b:1::${text}]`,
      `[2002:${pair(a, b)}:${pair(c, d)}::]`,
      `[2002:${pair(a, b)}:${pair(c, d)}::1]`,
      `[2001:0:4136:e378:8000:63bf:${pair(~a & 255, ~b & 255)}:${pair(~c & 255, ~d & 255)}]`,
      `[2001:470:1f0b::5efe:${pair(a, b)}:${pair(c, d)}]`,
      `[2001:470:1f0b::200:5efe:${pair(a, b)}:${pair(c, d)}]`,
    ];
  });
}

function pair(high: number, low: number): string {
  return ((high << 8) | low).toString(16);
}

function ipv6Spellings(): string[] {
  return [
    '[::]',
    '[::1]',
    '[0:0:0:0:0:0:0:1]',
    '[0000:0000:0000:0000:0000:0000:0000:0001]',
    '[::0001]',
    '[0::1]',
    '[fe80::1]',
    '[febf::1]',
    '[fec0::1]',
    '[fc00::1]',
    '[fd00::1]',
    '[fd00:ec2::254]',
    '[fd20:ce::254]',
    '[ff02::1]',
    '[ff0e::1]',
    '[100::1]',
    '[2001:db8::1]',
    '[3fff::1]',
    '[2001::1]',
    '[2001:2::1]',
    '[2001:10::1]',
    '[2001:20::1]',
    '[5f00::1]',
    '[4000::1]',
    '[::ffff:7f00:1]',
    '[::FFFF:7F00:1]',
    '[0:0:0:0:0:ffff:127.0.0.1]',
    '[::127.0.0.1]',
  ];
}

function names(): string[] {
  return [
    'localhost',
    'LOCALHOST',
    'localhost.',
    'LocalHost.',
    'ｌｏｃａｌｈｏｓｔ',
    'ⓛⓞⓒⓐⓛⓗⓞⓢⓣ',
    'local%68ost',
    'loc\u00adalhost',
    'localhost.localdomain',
    'ip6-localhost',
    'ip6-loopback',
    'private.test',
    'mapped.test',
    'mixed.test',
    'last-private.test',
    'metadata.google.internal',
    'empty.test',
    'foo.localhost',
    '127.0.0.1.nip.test',
    'user@127.0.0.1',
    'example.com@127.0.0.1',
    'example.com:80@127.0.0.1',
    '127.0.0.1#example.com',
    '127.0.0.1?example.com',
    '127.0.0.1\\@example.com',
  ];
}

function ranges(): string[] {
  return [
    '0.0.0.0',
    '0',
    '0x0',
    '0.1.2.3',
    '00.00',
    '127.255.255.255',
    '10.255.255.255',
    '172.31.255.255',
    '192.168.255.255',
    '169.254.0.1',
    '169.254.170.2',
    '100.127.255.255',
    '192.0.0.1',
    '192.0.0.192',
    '192.0.2.1',
    '192.88.99.1',
    '198.18.0.1',
    '198.19.255.255',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '239.255.255.255',
    '240.0.0.1',
    '255.255.255.255',
  ];
}
