# Sourced by ./run: runs the stages of ./run test, keeps their results, adds them up.
#
# A stage leaves lines in build/results/STAGE: `passed N`, `failed NAME`, `skipped NAME: REASON`.

results_folder=build/results
stages_run=()

is_one_of() {
  local word=$1 other
  shift
  for other; do [[ $word != "$other" ]] || return 0; done
  return 1
}

fresh_results() {
  mkdir -p "$results_folder"
  rm -rf "${results_folder:?}/$1" "$results_folder/$1.d"
  : >"$results_folder/$1"
  printf '%s' "$results_folder/$1"
}
passed() { echo "passed $2" >>"$results_folder/$1"; }
failed() { echo "failed $2" >>"$results_folder/$1"; }
skipped() { echo "skipped $2" >>"$results_folder/$1"; }

# logged NAME COMMAND...: on a terminal its output is shown, else kept in a file and shown if it fails.
logged() {
  local log=build/logs/$1.log
  shift
  mkdir -p build/logs
  if [[ -t 1 ]]; then
    "$@"
  elif ! "$@" >"$log" 2>&1 </dev/null; then
    printf '%s failed; the end of %s:\n' "$*" "$log"
    tail -n 80 "$log"
    return 1
  fi
}

# run_stage NAME FUNCTION: calls the function with the name; a failure ends the stage, not the run.
run_stage() {
  local stage=$1 began=$SECONDS status=0
  say "$stage"
  fresh_results "$stage" >/dev/null
  stages_run+=("$stage")
  set +e
  (
    set -e
    "$2" "$stage"
  )
  status=$?
  set -e
  # A stage that ends early must never look like one that passed.
  if ((status != 0)) && ! grep -q '^failed' "$results_folder/$stage"; then failed "$stage" "$stage"; fi
  printf '%s: %s, %d s\n\n' "$stage" "$(counts_of "$stage")" $((SECONDS - began))
}

counts_of() {
  (cd "$results_folder" && awk '
    $1 == "passed" { p += $2 } $1 == "failed" { ++f } $1 == "skipped" { ++s }
    END { printf "%d passed, %d failed, %d skipped", p, f, s }' "$@")
}

# Names what failed and what was skipped, and closes with the one line that counts. False if anything failed.
summary() {
  local stage line
  for stage in "${stages_run[@]}"; do
    while read -r line; do
      case $line in
        skipped*) printf '%sSKIPPED [%s] %s%s\n' "$yellow" "$stage" "${line#skipped }" "$plain" ;;
        failed*) printf '%sFAILED [%s] %s%s\n' "$red" "$stage" "${line#failed }" "$plain" ;;
      esac
    done <"$results_folder/$stage"
  done
  printf 'all stages: %d s\n' "$SECONDS"
  counts_of "${stages_run[@]}"
  echo
  (cd "$results_folder" && ! grep -qh '^failed' "${stages_run[@]}")
}

# ctest_stage STAGE PRESET LABELS: the tests of a build tree with one of these labels (a|b). A program that could not
# be built fails as a test that cannot be run. Tests of these stages wait for timeouts more than they compute.
stages_that_wait=(netns host lab measure python)
ctest_stage() {
  local stage=$1 preset=$2 labels=$3 folder=$PWD/$results_folder/$1.d status=0 at_once=$jobs
  mkdir -p "$folder"
  if is_one_of "$stage" "${stages_that_wait[@]}"; then at_once=$((3 * jobs)); fi
  GTEST_OUTPUT=xml:$folder/ ctest --test-dir "build/$preset" --label-regex "^($labels)\$" --parallel "$at_once" \
    --output-on-failure --output-junit "$folder/ctest.junit" --no-tests=ignore || status=$?
  /usr/bin/python3 tests/run/results.py "$folder" >>"$results_folder/$stage"
  grep -q . "$results_folder/$stage" || skipped "$stage" "there is no test labelled $labels"
  return "$status"
}

# --- format ----------------------------------------------------------------------------------------------------

cpp_files() {
  find src include plugins tests fuzz bench examples -type f \( -name '*.h' -o -name '*.cpp' \) -print0 2>/dev/null
}

check_format() {
  local wrong
  wrong=$(cpp_files | xargs -0 clang-format --dry-run -Werror 2>&1 | grep -oE '^[^ :]+:[0-9]+:[0-9]+: error' | cut -d: -f1 | sort | uniq -c || true)
  [[ -z $wrong ]] || { printf '%s\n' "$wrong" "./run format mends these"; return 1; }
}

# --- fuzz ------------------------------------------------------------------------------------------------------

# The fuzz targets that were built, or the one named.
fuzz_targets() {
  local source name
  for source in fuzz/*_fuzz.cpp; do
    [[ -e $source ]] || continue
    name=$(basename "$source" _fuzz.cpp)
    [[ -z ${1-} || $1 == "$name" ]] && echo "$name"
  done
  return 0
}

# Every input that once was a finding, and every seed, runs through its target once.
fuzz_replay() {
  local stage=$1 name
  mkdir -p build/logs
  for name in $(fuzz_targets "${2-}"); do
    local inputs=()
    mapfile -d '' inputs < <(find "fuzz/regressions/$name" "fuzz/corpus/$name" -type f -print0 2>/dev/null)
    ((${#inputs[@]})) || continue
    if "build/fuzz/fuzz/${name}_fuzz" "${inputs[@]}" >"build/logs/fuzz-replay-$name.log" 2>&1; then
      passed "$stage" 1
      echo "$name: ${#inputs[@]} kept inputs replayed"
    else
      tail -n 60 "build/logs/fuzz-replay-$name.log"
      failed "$stage" "$name, replay of kept inputs"
    fi
  done
}

# fuzz_for STAGE SECONDS [TARGET]: as many targets at once as there are cores. Findings stay in build/fuzz-findings.
fuzz_for() {
  local stage=$1 seconds=$2 name
  local targets
  mapfile -t targets < <(fuzz_targets "${3-}")
  ((${#targets[@]})) || die "no fuzz target '${3-}' in fuzz/"
  for name in "${targets[@]}"; do
    while (($(jobs -rp | wc -l) >= jobs)); do wait -n || true; done
    fuzz_one "$stage" "$name" "$seconds" &
  done
  wait
}

# In ./run test always from the same seed, and without what earlier runs have learnt: what has passed passes again.
# ./run fuzz goes on from where it was, with new seeds.
fuzz_one() {
  local stage=$1 name=$2 seconds=$3 log=build/logs/fuzz-$2.log seed=${FUZZ_SEED-0}
  local corpora=("build/fuzz-corpus/$name")
  if ((seed)); then
    corpora=("build/fuzz-corpus-of-tests/$name")
    rm -rf "${corpora[0]}"
  fi
  [[ ! -d fuzz/corpus/$name ]] || corpora+=("fuzz/corpus/$name")
  mkdir -p "${corpora[0]}" build/fuzz-findings build/logs
  if "build/fuzz/fuzz/${name}_fuzz" "${corpora[@]}" -seed="$seed" -max_total_time="$seconds" -timeout=10 \
    -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="build/fuzz-findings/$name-" >"$log" 2>&1; then
    passed "$stage" 1
    echo "$name: $(awk '/number_of_executed_units/ { print $2 }' "$log") inputs in $seconds s, no finding"
  else
    tail -n 60 "$log"
    failed "$stage" "$name, fuzzed for $seconds s (input kept in build/fuzz-findings; log in $log)"
  fi
}
