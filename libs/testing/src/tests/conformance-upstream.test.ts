import { expect, test } from 'vitest';
import { connectRevision, REVISIONS } from '../clients/revision-client.js';
import { startConformanceUpstream } from '../upstreams/conformance-upstream.js';

test.each(REVISIONS)('the conformance upstream of %s serves everything in it', async (revision) => {
  const upstream = await startConformanceUpstream({ revision, pageSize: 5 });
  const client = await connectRevision(revision, upstream.url, 'none', {
    // Elicitation came with 2025-06-18.
    ...(revision >= '2025-06-18' && {
      elicitation: () => ({ action: 'accept', content: { name: 'Ada' } }),
    }),
    sampling: () => ({
      role: 'assistant',
      content: { type: 'text', text: 'Paris' },
      model: 'm',
    }),
    roots: () => ({ roots: [{ uri: 'file:///root' }] }),
  });
  try {
    const textOf = async (tool: string) => {
      const { content } = await client.callTool(tool);
      return (content as { text: string }[])[0]!.text;
    };
    expect(await textOf('test_input_required_result_sampling')).toBe('Paris');
    expect(await textOf('test_input_required_result_list_roots')).toBe('roots: file:///root');
    if (revision >= '2025-06-18') {
      expect(await textOf('test_input_required_result_elicitation')).toBe('Hello, Ada!');
    }
    const progress: number[] = [];
    await client.callTool('test_tool_with_progress', {}, { onProgress: (at) => progress.push(at) });
    expect(progress).toEqual([0, 50, 100]);

    const read = await client.request('resources/read', { uri: 'test://template/7/data' });
    expect(JSON.stringify(read)).toContain('Data for ID: 7');
    await client.subscribe('test://watched-resource');
    await client.callTool('test_trigger_resource_update', { uri: 'test://watched-resource' });
    expect(await client.notified('notifications/resources/updated')).toMatchObject({
      uri: 'test://watched-resource',
    });
    await client.callTool('test_trigger_tool_change');
    await client.notified('notifications/tools/list_changed');
    expect(JSON.stringify(await client.request('prompts/list'))).toContain('test_simple_prompt');
  } finally {
    await client.close();
    await upstream.close();
  }
});
