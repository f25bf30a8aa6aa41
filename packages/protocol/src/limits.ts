/**
 * Every bound that the protocol names, in one place; docs/limits.md tells what each protects.
 * Times are milliseconds, sizes bytes.
 */
const KiB = 1024;
const MiB = 1024 * KiB;
const SECOND = 1000;
const MINUTE = 60 * SECOND;

export const LIMITS = {
  bencode: { depth: 32, torrentBytes: 64 * MiB, answerBytes: 2 * MiB, items: 4_000_000 },

  tracker: {
    intervalMs: 30 * MINUTE,
    intervalJitter: 0.1,
    minIntervalMs: MINUTE,
    pendingIntervalMs: 2 * SECOND,
    pendingBeyondDeadlineMs: 10 * SECOND,
    feedClosedExpiryMs: MINUTE,
    peersPerAddress: 10_000,
    peersInAll: 1_000_000,
    numwantDefault: 50,
    numwantMost: 200,
    scrapeHashes: 64,
    locateEndpoints: 50,
    longPollMs: 30 * SECOND,
    longPollsPerAddress: 64,
    longPollsInAll: 10_000,
    queryBytes: 16 * KiB,
    leadersListed: 20,
    asesListed: 64,
    keyBytesLeast: 4,
    keyBytesMost: 64,
  },

  /** Trackers that a peer asks over UDP (BEP 15). */
  udpTracker: {
    connectionMs: MINUTE,
    answerMs: 15 * SECOND,
    retransmissions: 3,
    peers: 2000,
    urlBytes: KiB,
  },

  election: {
    leaderPercent: 10,
    deadlineMs: 5 * SECOND,
    evictionMs: 10 * MINUTE,
    stallReportersMost: 3,
    stallReporterListedMs: 30 * SECOND,
    stallReportKeptMs: 10 * MINUTE,
    silentFeedMs: 10 * SECOND,
    /** Ranges of pieces with leaders of their own: an answer lists leaders of each. */
    rangesMost: 20,
    /** 100 Gb/s: a declared capacity is clipped to it. */
    capacityMost: 12_500_000_000,
  },

  peer: {
    blockBytes: 16 * KiB,
    requestBytesMost: 256 * KiB,
    longRequestMs: 40,
    handshakeTimeoutMs: 10 * SECOND,
    idleTimeoutMs: 120 * SECOND,
    keepAliveMs: 60 * SECOND,
    requestTimeoutMs: 20 * SECOND,
    connectTimeoutMs: 5 * SECOND,
    connectionsPerTorrent: 80,
    connectionsInAll: 500,
    halfOpen: 20,
    uploadSlots: 4,
    rechokeMs: 10 * SECOND,
    optimisticMs: 30 * SECOND,
    requestDepthLeast: 4,
    requestDepthMost: 512,
    requestsQueuedPerConnection: 512,
    /** Choke, interest and have messages from one connection, and requests while choked, averaged over 10 s. */
    controlMessagesPerSecond: 5000,
    unsentBytesLeast: 64 * KiB,
    unsentMs: 50,
    pieceBufferBytes: 24 * MiB,
    sectionBytes: MiB,
    pieceLengthLeast: 16 * KiB,
    pieceLengthMost: 16 * MiB,
    haveDelayMs: 250,
    idleInterestMs: 5 * SECOND,
    ledgerMs: SECOND,
    resumeMs: 10 * SECOND,
    flushRestMs: 2 * SECOND,
    roomMs: SECOND,
    roomRetryMs: 10 * SECOND,
    asCacheMs: 10 * MINUTE,
    locateTimeoutMs: 8 * SECOND,
    locateAgainMs: 2 * SECOND,
    /** 12.5 MB/s: the capacity of a peer that states none. */
    defaultCapacity: 12_500_000,
    stallReportMs: MINUTE,
    extensionBytes: 128 * KiB,
    knownPeersPerTorrent: 2000,
    trackersPerTorrent: 100,
    shutdownMs: 5 * SECOND,
  },

  /** When a peer that has come to rest gives memory back to the system. */
  restMemory: {
    lookMs: 2 * SECOND,
    /** Of one core. */
    cpuAtRest: 0.1,
    growth: 0.05,
    /** Of its time. */
    share: 0.001,
  },

  /** Torrents named by a magnet link, whose metadata comes from peers (BEP 9). */
  metadata: {
    linkBytes: 16 * KiB,
    /** Of the info dictionary: 838,860 hashes, 409,600 of which are a torrent of 100 GiB in pieces of 256 KiB. */
    bytes: 16 * MiB,
    pieceBytes: 16 * KiB,
    messagesPerSecond: 200,
    timesServed: 2,
    requestsAhead: 8,
    downloadsAtOnce: 3,
    connections: 20,
    silenceMs: 20 * SECOND,
  },

  /** Files that are fetched from HTTP servers (BEP 19). */
  webSeeds: {
    perTorrent: 20,
    urlBytes: 2 * KiB,
    runBytes: 4 * MiB,
    requestsAtOnce: 2,
    wholeFileBytes: MiB,
    blockMs: 15 * SECOND,
    restMs: 5 * SECOND,
    restMostMs: 10 * MINUTE,
    retryAfterMostMs: 60 * MINUTE,
  },

  /** Peers that somebody else than a tracker tells of. */
  discovery: {
    pexMs: MINUTE,
    pexLeastMs: 45 * SECOND,
    pexEntries: 50,
    pexEntriesFirst: 200,
    pexTold: 200,
    heardOfMost: 500,
    lsdMs: 5 * MINUTE,
    lsdMessagesPerSecond: 50,
    dhtAnnounceMs: 15 * MINUTE,
    dhtLonelyLeastMs: 5 * SECOND,
    dhtLonelyMs: MINUTE,
    dhtRetryMs: 15 * SECOND,
    dhtMessagesPerSecond: 500,
    dhtBytes: 1400,
    dhtNodesTold: 8,
    dhtPeersTold: 100,
    dhtPeers: 10_000,
    dhtTables: 1000,
    dhtAddresses: 50_000,
  },

  /** The control interface of a daemon. */
  control: {
    torrentBodyBytes: 88 * MiB,
    bodyBytes: MiB,
    connections: 100,
    eventStreams: 16,
    unsentBytes: 8 * MiB,
    progressMs: SECOND,
    patterns: 1000,
    scheduleEntries: 100,
    asesCounted: 64,
    stateBytes: 64 * MiB,
    sharedMs: MINUTE,
  },

  /** Leaders and followers. */
  cache: {
    destinationsPerFollower: 8,
    destinationsPerLeader: 200,
    destinationsPerAddress: 50,
    destinationPortLeast: 1024,
    dialsPerFollowerMs: SECOND,
    dialsAtOnce: 10,
    unreachableMs: 10 * MINUTE,
    wantsPerLeader: 10,
    wantMs: 30 * SECOND,
    wantsUnservedMs: 60 * SECOND,
    answerMs: 10 * SECOND,
    sayingMs: 5 * SECOND,
    escapeMs: 15 * SECOND,
    starvedMs: 120 * SECOND,
    steppingDownMs: 2 * SECOND,
    refreshMs: 5 * SECOND,
    messagesPerSecond: 2000,
    itemsPerMessage: 5000,
    piecesPerWant: 64,
    piecesPerForward: 1024,
    bitsPerForward: 64 * KiB,
  },

  /** Members and their head, under `coordinated`. */
  claims: {
    /** Pieces named in a claim. */
    candidates: 64,
    /** Pieces requested ahead on an external connection, and granted ahead of those. */
    aheadMost: 16,
    ttlMs: 10 * SECOND,
    quickTtlMs: 5 * SECOND,
    ttlMostMs: 60 * MINUTE,
    windowLeast: 1,
    windowStart: 4,
    windowMost: 256,
    pauseMs: 5 * SECOND,
    takenMs: SECOND,
    quickTakenMs: 250,
    headKeepAliveMs: SECOND,
    headSilenceMs: 3 * SECOND,
    outsideKeepAliveMs: SECOND,
    outsideSilenceMs: 3 * SECOND,
    deniedMs: SECOND,
    lingerMs: 250,
    slowMs: 10 * SECOND,
    whereMs: 20 * SECOND,
    keptWhenChokedMs: 30 * SECOND,
    takeOverMs: SECOND,
    avoidMs: 5 * MINUTE,
    avoidFailures: 3,
    holdersMost: 8,
    endpointsExcepted: 64,
    stalledDenyMs: 30 * SECOND,
    homeQuietMs: 15 * SECOND,
    revealLeast: 4,
    revealMost: 16,
    reliefMost: 100,
    piecesPerMessage: 1024,
    bitsPerMessage: 64 * KiB,
  },
} as const;
