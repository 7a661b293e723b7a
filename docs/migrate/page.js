// A page that polls two queries, each at its own pace.
import { QueryClient, QueryObserver } from '@tanstack/query-core'

const json = async (path) => (await fetch(path)).json()

export function show(project, render) {
  const client = new QueryClient()
  new QueryObserver(client, {
    queryKey: ['stories', project],
    queryFn: () => json(`/projects/${project}/stories`),
    refetchInterval: 10_000,
  }).subscribe(({ data }) => render('stories', data))
  new QueryObserver(client, {
    queryKey: ['newest', project],
    queryFn: () => json(`/projects/${project}/newest`),
    refetchInterval: 30_000,
  }).subscribe(({ data }) => render('newest', data))
}
