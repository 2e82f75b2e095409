#include "jobs/job_reader.h"

#include <optional>

#include "jobs/csv_line.h"
#include "jobs/ndjson_line.h"

namespace spiderling {
namespace {

constexpr std::size_t most_batches = 4;
constexpr std::size_t most_lines_in_batch = 512;
/// Jobs may be long; what is read ahead is bounded all the same.
constexpr std::size_t most_bytes_in_batch = 256u << 10;

bool is_blank(std::string_view line) { return line.find_first_not_of(" \t\r") == std::string_view::npos; }

ParsedLine parse(NdjsonLine& parser, std::string_view line) {
  static_assert(LineSplitter::padding >= NdjsonLine::padding);
  return parser.read_padded(line);
}
ParsedLine parse(CsvLine& parser, std::string_view line) { return parser.read(line); }

// '\0' if there is none; a byte order mark is no letter.
char first_letter(std::string_view line) {
  const auto at = line.find_first_not_of(" \t\r\xEF\xBB\xBF");
  return at == std::string_view::npos ? '\0' : line[at];
}

// Whatever the first line that is not empty is: an object, or columns.
class EitherLine {
 public:
  ParsedLine read_padded(std::string_view line) {
    if (!is_csv_) is_csv_ = first_letter(line) != '{';
    return *is_csv_ ? parse(csv_, line) : parse(ndjson_, line);
  }

 private:
  std::optional<bool> is_csv_;
  CsvLine csv_;
  NdjsonLine ndjson_;
};
ParsedLine parse(EitherLine& parser, std::string_view line) { return parser.read_padded(line); }

}  // namespace

std::string JobCounters::bad_lines() const {
  std::string text;
  for (std::size_t kind = 0; kind < bad_line_kinds; ++kind) {
    if (bad_by_kind[kind] == 0) continue;
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", bad_by_kind[kind],
                        name_of(static_cast<BadLineKind>(kind)));
  }
  return text;
}

Result<std::unique_ptr<JobReader>> JobReader::open(const std::string& path, JobReaderOptions options) {
  auto input =
      InputFile::open(path, {.what = "a list of jobs", .named = "a list of jobs", .from_terminal = true});
  if (!input) return tl::unexpected(input.error());
  return std::unique_ptr<JobReader>(
      new JobReader(path == "-" ? "standard input" : path, std::move(*input), std::move(options)));
}

JobReader::JobReader(std::string name, std::unique_ptr<InputFile> input, JobReaderOptions options)
    : name_(std::move(name)),
      input_(std::move(input)),
      options_(std::move(options)),
      queue_(most_batches),
      list_(*input_, name_) {}

JobReader::~JobReader() {
  stop();
  if (thread_.joinable()) thread_.join();
}

void JobReader::stop() {
  stopped_.store(true);
  input_->cancel();
  queue_.close();
}

void JobReader::start() {
  if (!thread_.joinable()) thread_ = std::thread([this] { run(); });
}

JobReader::State JobReader::next(Job& job) {
  start();
  while (!stopped_.load(std::memory_order_relaxed)) {
    if (give(job)) return State::job;
    auto batch = queue_.try_pop();
    if (!batch) {
      // Announced first, then looked again: what is put in from now on is followed by on_more().
      caller_waits_.store(true);
      batch = queue_.try_pop();
      if (!batch) return queue_.finished() ? State::ended : State::waiting;
    }
    open_batch(std::move(*batch));
    if (current_.jobs.empty()) {
      // A list of nothing but bad lines is not to keep the event loop from its other work.
      options_.on_more();
      return State::waiting;
    }
  }
  return State::ended;
}

bool JobReader::wait(Job& job) {
  start();
  while (!stopped_.load(std::memory_order_relaxed)) {
    if (give(job)) return true;
    auto batch = queue_.pop();
    if (!batch) return false;
    open_batch(std::move(*batch));
  }
  return false;
}

bool JobReader::give(Job& job) {
  if (given_ == current_.jobs.size() || !check_next()) return false;
  job = std::move(current_.jobs[given_++]);
  ++counters_.jobs;
  return true;
}

// False: the list ends here.
bool JobReader::check_next() {
  if (!options_.check) return true;
  std::string why = options_.check(current_.jobs[given_]);
  if (why.empty()) return true;
  failure_ = std::move(why);
  stop();
  return false;
}

void JobReader::open_batch(Batch batch) {
  current_ = std::move(batch);
  given_ = 0;
  if (!current_.failure.empty()) failure_ = current_.failure;
  for (const BadLine& bad : current_.bad) {
    ++counters_.bad;
    ++counters_.bad_by_kind[static_cast<std::size_t>(bad.fault.kind)];
    options_.on_bad_line(bad);
  }
}

SourceProgress JobReader::progress() const {
  if (is_packed_.load(std::memory_order_relaxed)) return {input_->done(), input_->total()};
  const std::uint64_t bytes = current_.bytes_behind - current_.bytes_before;
  const std::size_t jobs = current_.jobs.size();
  return {current_.bytes_before + (jobs == 0 ? bytes : bytes * given_ / jobs), input_->total()};
}

void JobReader::run() {
  switch (options_.format) {
    case JobFormat::ndjson: {
      NdjsonLine parser;
      read_with(parser);
      break;
    }
    case JobFormat::csv: {
      CsvLine parser;
      read_with(parser);
      break;
    }
    case JobFormat::by_first_line: {
      EitherLine parser;
      read_with(parser);
      break;
    }
  }
  queue_.close();
  if (caller_waits_.exchange(false)) options_.on_more();
}

template <class Parser>
void JobReader::read_with(Parser& parser) {
  LineSplitter splitter;
  while (true) {
    const auto got = list_.read(splitter.room());
    is_packed_.store(list_.is_packed(), std::memory_order_relaxed);
    switch (got.state) {
      case InputFile::State::waiting: continue;  // a signal came
      case InputFile::State::cancelled: return;
      case InputFile::State::data: splitter.commit(got.size); break;
      case InputFile::State::ended: splitter.finish(); break;
      case InputFile::State::failed:
        filling_.failure = list_.damage();
        splitter.finish();
        break;
    }
    take_lines(splitter, parser);
    // What has come is handed over, whether or not more is to come soon: the writer of a pipe may wait for
    // it.
    if (!hand_over(splitter) || got.state != InputFile::State::data) return;
  }
}

template <class Parser>
void JobReader::take_lines(LineSplitter& splitter, Parser& parser) {
  LineSplitter::Line line;
  while (!stopped_.load(std::memory_order_relaxed)) {
    const auto got = splitter.next(line);
    if (got == LineSplitter::Got::nothing) return;
    if (got == LineSplitter::Got::too_long) {
      filling_.bad.push_back({line.number, {BadLineKind::too_long, "it is longer than 1 MiB"}});
    } else if (!is_blank(line.text)) {
      auto job = parse(parser, line.text);
      if (job) {
        job->line = line.number;
        filling_.jobs.push_back(std::move(*job));
      } else {
        filling_.bad.push_back({line.number, std::move(job.error())});
      }
    }
    if (filling_.jobs.size() + filling_.bad.size() >= most_lines_in_batch ||
        splitter.bytes_given() - filling_.bytes_before >= most_bytes_in_batch) {
      if (!hand_over(splitter)) return;
    }
  }
}

// False once nobody wants more.
bool JobReader::hand_over(const LineSplitter& splitter) {
  filling_.bytes_behind = splitter.bytes_given();
  Batch next;
  next.bytes_before = filling_.bytes_behind;
  if (filling_.jobs.empty() && filling_.bad.empty() && filling_.failure.empty()) return !stopped_.load();
  Batch full = std::exchange(filling_, std::move(next));
  if (!queue_.push(std::move(full))) return false;
  if (caller_waits_.exchange(false)) options_.on_more();
  return true;
}

}  // namespace spiderling
