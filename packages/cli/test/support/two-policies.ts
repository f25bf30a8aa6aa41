/** A scenario of one site, three peers in all, under two policies. */
export const TWO_POLICIES = `
name: two
about: two policies on one site
ases:
  - { name: site, peers: 2, up: 100kB/s }
seeds: { up: 200kB/s }
torrent: { pieces: 4 }
policies:
  - { name: bittorrent }
  - { name: cache, leader-percent: 25 }
`;
