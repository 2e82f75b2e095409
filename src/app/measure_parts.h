// What one run of `spiderling measure` is made of.
#pragma once

#include <functional>
#include <memory>
#include <string_view>

#include "app/measure_evidence.h"
#include "app/measure_options.h"
#include "campaign/campaign.h"
#include "campaign/pause.h"
#include "capture/source.h"
#include "flows/chain_set.h"
#include "jobs/asn_database.h"
#include "jobs/job_intake.h"
#include "spiders/plan.h"

namespace spiderling::app {

/// Takes whole results, one a line. False: no more is wanted, or can be written.
using ResultWriter = std::function<bool(std::string_view results)>;

struct MeasureParts {
  const MeasureOptions& options;
  EnginePlan plan;
  Source& source;
  const ChainSet& chains;
  JobIntake& jobs;
  ResultWriter write;
  bool shows_progress;
  MeasureEvidence& evidence;
  const AsnDatabase* asn = nullptr;
  Campaign* campaign = nullptr;    ///< with a journal
  std::unique_ptr<Pause> pause{};  ///< with --pause
  /// What was given to `write` is on its way: for a run that cannot come to its end.
  std::function<void()> finish_writing{};
};

}  // namespace spiderling::app
